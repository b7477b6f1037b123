# This is a generated file! Please edit source .ksy file and use kaitai-struct-compiler to rebuild
# type: ignore

import kaitaistruct
from kaitaistruct import KaitaiStruct, KaitaiStream, BytesIO
from enum import IntEnum


if getattr(kaitaistruct, 'API_VERSION', (0, 9)) < (0, 11):
    raise Exception("Incompatible Kaitai Struct Python API: 0.11 or later is required, but you have %s" % (kaitaistruct.__version__))

class Pgs(KaitaiStruct):
    """Container and headers of pgsvc streams (chapters 4 and 6 of the specification). Entropy-coded symbols and compressed index
    entries are bytes here; CRCs, ranges and rules across chunks are not checked. Whole streams only: a truncated one ends in an error.
    """

    class ChunkType(IntEnum):
        end = 1162757203
        refinement = 1179209285
        head = 1212498244
        key_frame = 1262836038
        predicted = 1347568964
        splats = 1397771348
        hash = 1749111624
        index = 1766736984
        tiles = 1950960741

    class Compression(IntEnum):
        stored = 0
        zstandard = 1
    def __init__(self, _io, _parent=None, _root=None):
        super(Pgs, self).__init__(_io)
        self._parent = _parent
        self._root = _root or self
        self._read()

    def _read(self):
        self.signature = self._io.read_bytes(8)
        if not self.signature == b"\x89\x50\x47\x53\x0D\x0A\x1A\x0A":
            raise kaitaistruct.ValidationNotEqualError(b"\x89\x50\x47\x53\x0D\x0A\x1A\x0A", self.signature, self._io, u"/seq/0")
        self.head = Pgs.Chunk(self._io, self, self._root)
        self.chunks = []
        i = 0
        while not self._io.is_eof():
            self.chunks.append(Pgs.Chunk(self._io, self, self._root))
            i += 1



    def _fetch_instances(self):
        pass
        self.head._fetch_instances()
        for i in range(len(self.chunks)):
            pass
            self.chunks[i]._fetch_instances()


    class Address(KaitaiStruct):
        def __init__(self, _io, _parent=None, _root=None):
            super(Pgs.Address, self).__init__(_io)
            self._parent = _parent
            self._root = _root
            self._read()

        def _read(self):
            self.segment = Pgs.Leb128(self._io, self, self._root)
            self.frame = Pgs.Leb128(self._io, self, self._root)
            self.layer = self._io.read_u1()
            self.object = self._io.read_u1()
            self.slice = Pgs.Leb128(self._io, self, self._root)


        def _fetch_instances(self):
            pass
            self.segment._fetch_instances()
            self.frame._fetch_instances()
            self.slice._fetch_instances()


    class Chunk(KaitaiStruct):
        def __init__(self, _io, _parent=None, _root=None):
            super(Pgs.Chunk, self).__init__(_io)
            self._parent = _parent
            self._root = _root
            self._read()

        def _read(self):
            self.payload_size = Pgs.Leb128(self._io, self, self._root)
            self.type = KaitaiStream.resolve_enum(Pgs.ChunkType, self._io.read_u4be())
            self.address = Pgs.Address(self._io, self, self._root)
            _on = self.type
            if _on == Pgs.ChunkType.hash:
                pass
                self._raw_body = self._io.read_bytes(self.payload_size.value)
                _io__raw_body = KaitaiStream(BytesIO(self._raw_body))
                self.body = Pgs.Hash(_io__raw_body, self, self._root)
            elif _on == Pgs.ChunkType.head:
                pass
                self._raw_body = self._io.read_bytes(self.payload_size.value)
                _io__raw_body = KaitaiStream(BytesIO(self._raw_body))
                self.body = Pgs.StreamHeader(_io__raw_body, self, self._root)
            elif _on == Pgs.ChunkType.index:
                pass
                self._raw_body = self._io.read_bytes(self.payload_size.value)
                _io__raw_body = KaitaiStream(BytesIO(self._raw_body))
                self.body = Pgs.Index(_io__raw_body, self, self._root)
            elif _on == Pgs.ChunkType.key_frame:
                pass
                self._raw_body = self._io.read_bytes(self.payload_size.value)
                _io__raw_body = KaitaiStream(BytesIO(self._raw_body))
                self.body = Pgs.KeyFrame(self._root.components, _io__raw_body, self, self._root)
            elif _on == Pgs.ChunkType.predicted:
                pass
                self._raw_body = self._io.read_bytes(self.payload_size.value)
                _io__raw_body = KaitaiStream(BytesIO(self._raw_body))
                self.body = Pgs.PredictedFrames(self._root.components, _io__raw_body, self, self._root)
            elif _on == Pgs.ChunkType.refinement:
                pass
                self._raw_body = self._io.read_bytes(self.payload_size.value)
                _io__raw_body = KaitaiStream(BytesIO(self._raw_body))
                self.body = Pgs.Refinement(_io__raw_body, self, self._root)
            elif _on == Pgs.ChunkType.splats:
                pass
                self._raw_body = self._io.read_bytes(self.payload_size.value)
                _io__raw_body = KaitaiStream(BytesIO(self._raw_body))
                self.body = Pgs.Splats(self._root.sh_degree, _io__raw_body, self, self._root)
            elif _on == Pgs.ChunkType.tiles:
                pass
                self._raw_body = self._io.read_bytes(self.payload_size.value)
                _io__raw_body = KaitaiStream(BytesIO(self._raw_body))
                self.body = Pgs.Tiles(_io__raw_body, self, self._root)
            else:
                pass
                self.body = self._io.read_bytes(self.payload_size.value)
            self.crc = self._io.read_u4be()


        def _fetch_instances(self):
            pass
            self.payload_size._fetch_instances()
            self.address._fetch_instances()
            _on = self.type
            if _on == Pgs.ChunkType.hash:
                pass
                self.body._fetch_instances()
            elif _on == Pgs.ChunkType.head:
                pass
                self.body._fetch_instances()
            elif _on == Pgs.ChunkType.index:
                pass
                self.body._fetch_instances()
            elif _on == Pgs.ChunkType.key_frame:
                pass
                self.body._fetch_instances()
            elif _on == Pgs.ChunkType.predicted:
                pass
                self.body._fetch_instances()
            elif _on == Pgs.ChunkType.refinement:
                pass
                self.body._fetch_instances()
            elif _on == Pgs.ChunkType.splats:
                pass
                self.body._fetch_instances()
            elif _on == Pgs.ChunkType.tiles:
                pass
                self.body._fetch_instances()
            else:
                pass


    class Codebook(KaitaiStruct):
        def __init__(self, entry_count, _io, _parent=None, _root=None):
            super(Pgs.Codebook, self).__init__(_io)
            self._parent = _parent
            self._root = _root
            self.entry_count = entry_count
            self._read()

        def _read(self):
            self.entry_shift = self._io.read_u1()
            self.entries = []
            for i in range(self.entry_count):
                self.entries.append(self._io.read_s1())



        def _fetch_instances(self):
            pass
            for i in range(len(self.entries)):
                pass



    class Hash(KaitaiStruct):
        def __init__(self, _io, _parent=None, _root=None):
            super(Pgs.Hash, self).__init__(_io)
            self._parent = _parent
            self._root = _root
            self._read()

        def _read(self):
            self.frame_count = Pgs.Leb128(self._io, self, self._root)
            self.crc32 = self._io.read_u4be()


        def _fetch_instances(self):
            pass
            self.frame_count._fetch_instances()


    class Index(KaitaiStruct):
        def __init__(self, _io, _parent=None, _root=None):
            super(Pgs.Index, self).__init__(_io)
            self._parent = _parent
            self._root = _root
            self._read()

        def _read(self):
            self.compression = KaitaiStream.resolve_enum(Pgs.Compression, self._io.read_u1())
            self.type_count = self._io.read_u1()
            self.types = []
            for i in range(self.type_count):
                self.types.append(self._io.read_u4be())

            self.entry_count = Pgs.Leb128(self._io, self, self._root)
            if self.compression == Pgs.Compression.stored:
                pass
                self.entries = []
                for i in range(self.entry_count.value):
                    self.entries.append(Pgs.IndexEntry(self._io, self, self._root))


            if self.compression == Pgs.Compression.zstandard:
                pass
                self.compressed = self._io.read_bytes_full()



        def _fetch_instances(self):
            pass
            for i in range(len(self.types)):
                pass

            self.entry_count._fetch_instances()
            if self.compression == Pgs.Compression.stored:
                pass
                for i in range(len(self.entries)):
                    pass
                    self.entries[i]._fetch_instances()


            if self.compression == Pgs.Compression.zstandard:
                pass



    class IndexEntry(KaitaiStruct):
        def __init__(self, _io, _parent=None, _root=None):
            super(Pgs.IndexEntry, self).__init__(_io)
            self._parent = _parent
            self._root = _root
            self._read()

        def _read(self):
            self.type_index = self._io.read_u1()
            self.address = Pgs.Address(self._io, self, self._root)
            self.chunk_size = Pgs.Leb128(self._io, self, self._root)


        def _fetch_instances(self):
            pass
            self.address._fetch_instances()
            self.chunk_size._fetch_instances()


    class KeyFrame(KaitaiStruct):
        def __init__(self, components, _io, _parent=None, _root=None):
            super(Pgs.KeyFrame, self).__init__(_io)
            self._parent = _parent
            self._root = _root
            self.components = components
            self._read()

        def _read(self):
            self.first_frame = Pgs.Leb128(self._io, self, self._root)
            self.splat_count = Pgs.Leb128(self._io, self, self._root)
            self.last_slice = self._io.read_bits_int_be(1) != 0
            self.has_background = self._io.read_bits_int_be(1) != 0
            self.reserved_bits = self._io.read_bits_int_be(2)
            self.position_fraction_bits = self._io.read_bits_int_be(4)
            self.position_tool = self._io.read_u1()
            self.shape_tool = self._io.read_u1()
            self.colour_tool = self._io.read_u1()
            if self.position_tool == 1:
                pass
                self.shape_domain = self._io.read_bits_int_be(2)

            if self.position_tool == 1:
                pass
                self.shape_signed = self._io.read_bits_int_be(1) != 0

            if self.position_tool == 1:
                pass
                self.reserved_bit = self._io.read_bits_int_be(1) != 0

            if self.position_tool == 1:
                pass
                self.shape_bits = self._io.read_bits_int_be(4)

            if self.position_tool == 1:
                pass
                self.shape_scale = []
                for i in range(3):
                    self.shape_scale.append(self._io.read_u2be())


            if self.position_tool == 1:
                pass
                self.shape_offset = []
                for i in range(3):
                    self.shape_offset.append(self._io.read_s2be())


            if self.position_tool >= 2:
                pass
                self.cell_bits = self._io.read_bits_int_be(4)

            if self.position_tool >= 2:
                pass
                self.shape_precision = self._io.read_bits_int_be(6)

            if self.position_tool >= 2:
                pass
                self.position_precision = self._io.read_bits_int_be(6)

            if self.position_tool >= 2:
                pass
                self.energy_step = self._io.read_u1()

            if self.has_background:
                pass
                self.background = []
                for i in range(self.components):
                    self.background.append(self._io.read_s2be())


            if self.position_tool == 1:
                pass
                self.residual_quantiser = Pgs.ResidualQuantiser(self.components, self._io, self, self._root)

            if  ((self.position_tool >= 2) and (self.components > 1)) :
                pass
                self.chroma_steps = []
                for i in range(2):
                    self.chroma_steps.append(self._io.read_bits_int_be(4))


            if  ((self.position_tool >= 2) and (self.components > 1)) :
                pass
                self.chroma_weight = self._io.read_u1()

            self.symbols = self._io.read_bytes_full()


        def _fetch_instances(self):
            pass
            self.first_frame._fetch_instances()
            self.splat_count._fetch_instances()
            if self.position_tool == 1:
                pass

            if self.position_tool == 1:
                pass

            if self.position_tool == 1:
                pass

            if self.position_tool == 1:
                pass

            if self.position_tool == 1:
                pass
                for i in range(len(self.shape_scale)):
                    pass


            if self.position_tool == 1:
                pass
                for i in range(len(self.shape_offset)):
                    pass


            if self.position_tool >= 2:
                pass

            if self.position_tool >= 2:
                pass

            if self.position_tool >= 2:
                pass

            if self.position_tool >= 2:
                pass

            if self.has_background:
                pass
                for i in range(len(self.background)):
                    pass


            if self.position_tool == 1:
                pass
                self.residual_quantiser._fetch_instances()

            if  ((self.position_tool >= 2) and (self.components > 1)) :
                pass
                for i in range(len(self.chroma_steps)):
                    pass


            if  ((self.position_tool >= 2) and (self.components > 1)) :
                pass



    class Leb128(KaitaiStruct):
        """Unsigned LEB128 below 2^32 (2.3)."""
        def __init__(self, _io, _parent=None, _root=None):
            super(Pgs.Leb128, self).__init__(_io)
            self._parent = _parent
            self._root = _root
            self._read()

        def _read(self):
            self.groups = []
            i = 0
            while True:
                _ = self._io.read_u1()
                self.groups.append(_)
                if  ((_ < 128) or (i == 4)) :
                    break
                i += 1


        def _fetch_instances(self):
            pass
            for i in range(len(self.groups)):
                pass


        @property
        def value(self):
            if hasattr(self, '_m_value'):
                return self._m_value

            self._m_value = ((((self.groups[0] & 127) + ((self.groups[1] & 127) << 7 if len(self.groups) > 1 else 0)) + ((self.groups[2] & 127) << 14 if len(self.groups) > 2 else 0)) + ((self.groups[3] & 127) << 21 if len(self.groups) > 3 else 0)) + ((self.groups[4] & 127) << 28 if len(self.groups) > 4 else 0)
            return getattr(self, '_m_value', None)


    class LevelSize(KaitaiStruct):
        def __init__(self, _io, _parent=None, _root=None):
            super(Pgs.LevelSize, self).__init__(_io)
            self._parent = _parent
            self._root = _root
            self._read()

        def _read(self):
            self.level_width = Pgs.Leb128(self._io, self, self._root)
            self.level_height = Pgs.Leb128(self._io, self, self._root)


        def _fetch_instances(self):
            pass
            self.level_width._fetch_instances()
            self.level_height._fetch_instances()


    class PredictedFrames(KaitaiStruct):
        def __init__(self, components, _io, _parent=None, _root=None):
            super(Pgs.PredictedFrames, self).__init__(_io)
            self._parent = _parent
            self._root = _root
            self.components = components
            self._read()

        def _read(self):
            self.frame_count = Pgs.Leb128(self._io, self, self._root)
            self.prediction_tool = self._io.read_u1()
            if self.prediction_tool == 1:
                pass
                self.keep_parameters = self._io.read_bits_int_be(1) != 0

            if self.prediction_tool == 1:
                pass
                self.reserved_bits = self._io.read_bits_int_be(3)

            if self.prediction_tool == 1:
                pass
                self.position_unit = self._io.read_bits_int_be(4)

            if self.prediction_tool == 1:
                pass
                self.reserved_bits_2 = self._io.read_bits_int_be(4)

            if self.prediction_tool == 1:
                pass
                self.shape_bits = self._io.read_bits_int_be(4)

            if  ((self.prediction_tool == 1) and ((not (self.keep_parameters)))) :
                pass
                self.shape_scale = []
                for i in range(3):
                    self.shape_scale.append(self._io.read_u2be())


            if  ((self.prediction_tool == 1) and ((not (self.keep_parameters)))) :
                pass
                self.shape_offset = []
                for i in range(3):
                    self.shape_offset.append(self._io.read_s2be())


            if  ((self.prediction_tool == 1) and ((not (self.keep_parameters)))) :
                pass
                self.residual_quantiser = Pgs.ResidualQuantiser(self.components, self._io, self, self._root)

            if self.prediction_tool == 2:
                pass
                self.group_bits = self._io.read_bits_int_be(4)

            if self.prediction_tool == 2:
                pass
                self.motion_bits = self._io.read_bits_int_be(4)

            if self.prediction_tool == 2:
                pass
                self.cell_bits = self._io.read_bits_int_be(4)

            if self.prediction_tool == 2:
                pass
                self.shape_precision = self._io.read_bits_int_be(6)

            if self.prediction_tool == 2:
                pass
                self.position_precision = self._io.read_bits_int_be(6)

            if self.prediction_tool == 2:
                pass
                self.energy_step = self._io.read_u1()

            if  ((self.prediction_tool == 2) and (self.components > 1)) :
                pass
                self.chroma_steps = []
                for i in range(2):
                    self.chroma_steps.append(self._io.read_bits_int_be(4))


            if  ((self.prediction_tool == 2) and (self.components > 1)) :
                pass
                self.chroma_weight = self._io.read_u1()

            self.symbols = self._io.read_bytes_full()


        def _fetch_instances(self):
            pass
            self.frame_count._fetch_instances()
            if self.prediction_tool == 1:
                pass

            if self.prediction_tool == 1:
                pass

            if self.prediction_tool == 1:
                pass

            if self.prediction_tool == 1:
                pass

            if self.prediction_tool == 1:
                pass

            if  ((self.prediction_tool == 1) and ((not (self.keep_parameters)))) :
                pass
                for i in range(len(self.shape_scale)):
                    pass


            if  ((self.prediction_tool == 1) and ((not (self.keep_parameters)))) :
                pass
                for i in range(len(self.shape_offset)):
                    pass


            if  ((self.prediction_tool == 1) and ((not (self.keep_parameters)))) :
                pass
                self.residual_quantiser._fetch_instances()

            if self.prediction_tool == 2:
                pass

            if self.prediction_tool == 2:
                pass

            if self.prediction_tool == 2:
                pass

            if self.prediction_tool == 2:
                pass

            if self.prediction_tool == 2:
                pass

            if self.prediction_tool == 2:
                pass

            if  ((self.prediction_tool == 2) and (self.components > 1)) :
                pass
                for i in range(len(self.chroma_steps)):
                    pass


            if  ((self.prediction_tool == 2) and (self.components > 1)) :
                pass



    class Refinement(KaitaiStruct):
        def __init__(self, _io, _parent=None, _root=None):
            super(Pgs.Refinement, self).__init__(_io)
            self._parent = _parent
            self._root = _root
            self._read()

        def _read(self):
            self.target_layer = self._io.read_u1()
            self.last_slice = self._io.read_bits_int_be(1) != 0
            self.has_opacity = self._io.read_bits_int_be(1) != 0
            self.has_colour = self._io.read_bits_int_be(1) != 0
            self.has_sh = self._io.read_bits_int_be(1) != 0
            self.has_scale = self._io.read_bits_int_be(1) != 0
            self.reserved_bits = self._io.read_bits_int_be(3)
            self.symbols = self._io.read_bytes_full()


        def _fetch_instances(self):
            pass


    class ResidualQuantiser(KaitaiStruct):
        def __init__(self, components, _io, _parent=None, _root=None):
            super(Pgs.ResidualQuantiser, self).__init__(_io)
            self._parent = _parent
            self._root = _root
            self.components = components
            self._read()

        def _read(self):
            self.stage_count = self._io.read_bits_int_be(4)
            self.codebook_bits = self._io.read_bits_int_be(4)
            self.codebooks = []
            for i in range(self.stage_count):
                self.codebooks.append(Pgs.Codebook(self.components << self.codebook_bits, self._io, self, self._root))



        def _fetch_instances(self):
            pass
            for i in range(len(self.codebooks)):
                pass
                self.codebooks[i]._fetch_instances()



    class Splats(KaitaiStruct):
        def __init__(self, sh_degree, _io, _parent=None, _root=None):
            super(Pgs.Splats, self).__init__(_io)
            self._parent = _parent
            self._root = _root
            self.sh_degree = sh_degree
            self._read()

        def _read(self):
            self.splat_count = Pgs.Leb128(self._io, self, self._root)
            self.last_slice = self._io.read_bits_int_be(1) != 0
            self.prediction = self._io.read_bits_int_be(2)
            self.position_tool = self._io.read_bits_int_be(5)
            self.origin = []
            for i in range(3):
                self.origin.append(self._io.read_s4be())

            self.cube_bits = self._io.read_u1()
            self.leaf_bits = self._io.read_u1()
            self.place_precision = self._io.read_s1()
            self.finest_scale = self._io.read_u1()
            self.usual_scale = self._io.read_u1()
            self.scale_step = self._io.read_u1()
            self.rotation_precision = self._io.read_s1()
            self.opacity_step = self._io.read_u2be()
            self.colour_step = self._io.read_u1()
            self.chroma_steps = []
            for i in range(2):
                self.chroma_steps.append(self._io.read_bits_int_be(4))

            self.sh_steps = []
            for i in range(self.sh_degree):
                self.sh_steps.append(self._io.read_u1())

            self.growth = self._io.read_u1()
            if self.growth > 0:
                pass
                self.growth_limit = self._io.read_u1()

            self.codebook_bits = self._io.read_u1()
            if self.codebook_bits > 0:
                pass
                self.codewords = []
                for i in range(3 << self.codebook_bits):
                    self.codewords.append(self._io.read_s2be())


            self.symbols = self._io.read_bytes_full()


        def _fetch_instances(self):
            pass
            self.splat_count._fetch_instances()
            for i in range(len(self.origin)):
                pass

            for i in range(len(self.chroma_steps)):
                pass

            for i in range(len(self.sh_steps)):
                pass

            if self.growth > 0:
                pass

            if self.codebook_bits > 0:
                pass
                for i in range(len(self.codewords)):
                    pass




    class StreamHeader(KaitaiStruct):
        def __init__(self, _io, _parent=None, _root=None):
            super(Pgs.StreamHeader, self).__init__(_io)
            self._parent = _parent
            self._root = _root
            self._read()

        def _read(self):
            self.format_major = self._io.read_u1()
            self.format_minor = self._io.read_u1()
            self.min_reader_minor = self._io.read_u1()
            self.profile = self._io.read_u1()
            self.limit_level = self._io.read_u1()
            self.progression_order = self._io.read_bits_int_be(1) != 0
            self.full_range = self._io.read_bits_int_be(1) != 0
            self.chroma_location = self._io.read_bits_int_be(1) != 0
            self.has_level_sizes = self._io.read_bits_int_be(1) != 0
            self.has_objects = self._io.read_bits_int_be(1) != 0
            self.chroma_format = self._io.read_bits_int_be(3)
            if self.profile != 2:
                pass
                self.bit_depth = self._io.read_u1()

            self.layer_count = self._io.read_u1()
            if self.profile != 2:
                pass
                self.width = Pgs.Leb128(self._io, self, self._root)

            if self.profile != 2:
                pass
                self.height = Pgs.Leb128(self._io, self, self._root)

            if self.profile != 2:
                pass
                self.colour_primaries = self._io.read_u1()

            if self.profile != 2:
                pass
                self.transfer_characteristics = self._io.read_u1()

            if self.profile != 2:
                pass
                self.matrix_coefficients = self._io.read_u1()

            if self.profile != 2:
                pass
                self.frame_rate_numerator = Pgs.Leb128(self._io, self, self._root)

            if self.profile != 2:
                pass
                self.frame_rate_denominator = Pgs.Leb128(self._io, self, self._root)

            if self.profile != 2:
                pass
                self.frame_count = Pgs.Leb128(self._io, self, self._root)

            if self.has_level_sizes:
                pass
                self.level_sizes = []
                for i in range(self.layer_count):
                    self.level_sizes.append(Pgs.LevelSize(self._io, self, self._root))


            if self.has_objects:
                pass
                self.object_count = self._io.read_u1()

            if self.has_objects:
                pass
                self.object_layers = []
                for i in range(self.object_count):
                    self.object_layers.append(self._io.read_u1())


            if self.profile == 2:
                pass
                self.sh_degree = self._io.read_bits_int_be(4)

            if self.profile == 2:
                pass
                self.kernel = self._io.read_bits_int_be(4)

            if self.profile == 2:
                pass
                self.axes = self._io.read_u1()

            if self.profile == 2:
                pass
                self.colour_space = self._io.read_u1()

            if self.profile == 2:
                pass
                self.grid_exponent = self._io.read_s1()

            if self.profile == 2:
                pass
                self.metres_numerator = Pgs.Leb128(self._io, self, self._root)

            if self.profile == 2:
                pass
                self.metres_denominator = Pgs.Leb128(self._io, self, self._root)

            if self.profile == 2:
                pass
                self.tile_count = Pgs.Leb128(self._io, self, self._root)



        def _fetch_instances(self):
            pass
            if self.profile != 2:
                pass

            if self.profile != 2:
                pass
                self.width._fetch_instances()

            if self.profile != 2:
                pass
                self.height._fetch_instances()

            if self.profile != 2:
                pass

            if self.profile != 2:
                pass

            if self.profile != 2:
                pass

            if self.profile != 2:
                pass
                self.frame_rate_numerator._fetch_instances()

            if self.profile != 2:
                pass
                self.frame_rate_denominator._fetch_instances()

            if self.profile != 2:
                pass
                self.frame_count._fetch_instances()

            if self.has_level_sizes:
                pass
                for i in range(len(self.level_sizes)):
                    pass
                    self.level_sizes[i]._fetch_instances()


            if self.has_objects:
                pass

            if self.has_objects:
                pass
                for i in range(len(self.object_layers)):
                    pass


            if self.profile == 2:
                pass

            if self.profile == 2:
                pass

            if self.profile == 2:
                pass

            if self.profile == 2:
                pass

            if self.profile == 2:
                pass

            if self.profile == 2:
                pass
                self.metres_numerator._fetch_instances()

            if self.profile == 2:
                pass
                self.metres_denominator._fetch_instances()

            if self.profile == 2:
                pass
                self.tile_count._fetch_instances()



    class Tile(KaitaiStruct):
        def __init__(self, _io, _parent=None, _root=None):
            super(Pgs.Tile, self).__init__(_io)
            self._parent = _parent
            self._root = _root
            self._read()

        def _read(self):
            self.tile_number = Pgs.Leb128(self._io, self, self._root)
            self.box_low = []
            for i in range(3):
                self.box_low.append(self._io.read_s4be())

            self.box_high = []
            for i in range(3):
                self.box_high.append(self._io.read_s4be())

            self.level_count = self._io.read_u1()
            self.tile_levels = []
            for i in range(self.level_count):
                self.tile_levels.append(Pgs.TileLevel(self._io, self, self._root))



        def _fetch_instances(self):
            pass
            self.tile_number._fetch_instances()
            for i in range(len(self.box_low)):
                pass

            for i in range(len(self.box_high)):
                pass

            for i in range(len(self.tile_levels)):
                pass
                self.tile_levels[i]._fetch_instances()



    class TileLevel(KaitaiStruct):
        def __init__(self, _io, _parent=None, _root=None):
            super(Pgs.TileLevel, self).__init__(_io)
            self._parent = _parent
            self._root = _root
            self._read()

        def _read(self):
            self.splats = Pgs.Leb128(self._io, self, self._root)
            self.missing = self._io.read_u2be()
            self.error = self._io.read_u2be()


        def _fetch_instances(self):
            pass
            self.splats._fetch_instances()


    class Tiles(KaitaiStruct):
        def __init__(self, _io, _parent=None, _root=None):
            super(Pgs.Tiles, self).__init__(_io)
            self._parent = _parent
            self._root = _root
            self._read()

        def _read(self):
            self.tiles = []
            i = 0
            while not self._io.is_eof():
                self.tiles.append(Pgs.Tile(self._io, self, self._root))
                i += 1



        def _fetch_instances(self):
            pass
            for i in range(len(self.tiles)):
                pass
                self.tiles[i]._fetch_instances()



    @property
    def components(self):
        if hasattr(self, '_m_components'):
            return self._m_components

        self._m_components = (1 if self.head.body.chroma_format == 0 else 3)
        return getattr(self, '_m_components', None)

    @property
    def sh_degree(self):
        if hasattr(self, '_m_sh_degree'):
            return self._m_sh_degree

        self._m_sh_degree = (self.head.body.sh_degree if self.head.body.profile == 2 else 0)
        return getattr(self, '_m_sh_degree', None)


