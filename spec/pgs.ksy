meta:
  id: pgs
  title: pgsvc stream, format 0.1
  file-extension: pgs
  endian: be
  bit-endian: be
  ks-version: "0.11"
doc: |
  Container and headers of pgsvc streams (chapters 4 and 6 of the specification). Entropy-coded symbols and compressed index
  entries are bytes here; CRCs, ranges and rules across chunks are not checked. Whole streams only: a truncated one ends in an error.
seq:
  - id: signature
    contents: [0x89, "PGS", 0x0d, 0x0a, 0x1a, 0x0a]
  - id: head
    type: chunk
  - id: chunks
    type: chunk
    repeat: eos
instances:
  components:
    value: "head.body.as<stream_header>.chroma_format == 0 ? 1 : 3"
  sh_degree:
    value: "head.body.as<stream_header>.profile == 2 ? head.body.as<stream_header>.sh_degree : 0"
enums:
  chunk_type:
    0x48454144: head
    0x53504c54: splats
    0x46494e45: refinement
    0x74494c65: tiles
    0x694e4458: index
    0x4b455946: key_frame
    0x50524544: predicted
    0x68415348: hash
    0x454e4453: end
  compression:
    0: stored
    1: zstandard
types:
  leb128:
    doc: Unsigned LEB128 below 2^32 (2.3).
    seq:
      - id: groups
        type: u1
        repeat: until
        repeat-until: _ < 128 or _index == 4
    instances:
      value:
        value: >-
          (groups[0] & 127)
          + (groups.size > 1 ? (groups[1] & 127) << 7 : 0)
          + (groups.size > 2 ? (groups[2] & 127) << 14 : 0)
          + (groups.size > 3 ? (groups[3] & 127) << 21 : 0)
          + (groups.size > 4 ? (groups[4] & 127) << 28 : 0)
  address:
    seq:
      - {id: segment, type: leb128}
      - {id: frame, type: leb128}
      - {id: layer, type: u1}
      - {id: object, type: u1}
      - {id: slice, type: leb128}
  chunk:
    seq:
      - {id: payload_size, type: leb128}
      - {id: type, type: u4, enum: chunk_type}
      - {id: address, type: address}
      - id: body
        size: payload_size.value
        type:
          switch-on: type
          cases:
            chunk_type::head: stream_header
            chunk_type::index: index
            chunk_type::key_frame: key_frame(_root.components)
            chunk_type::predicted: predicted_frames(_root.components)
            chunk_type::hash: hash
            chunk_type::splats: splats(_root.sh_degree)
            chunk_type::refinement: refinement
            chunk_type::tiles: tiles
      - {id: crc, type: u4}
  stream_header:
    seq:
      - {id: format_major, type: u1}
      - {id: format_minor, type: u1}
      - {id: min_reader_minor, type: u1}
      - {id: profile, type: u1}
      - {id: limit_level, type: u1}
      - {id: progression_order, type: b1}
      - {id: full_range, type: b1}
      - {id: chroma_location, type: b1}
      - {id: has_level_sizes, type: b1}
      - {id: has_objects, type: b1}
      - {id: chroma_format, type: b3}
      - {id: bit_depth, type: u1, if: profile != 2}
      - {id: layer_count, type: u1}
      - {id: width, type: leb128, if: profile != 2}
      - {id: height, type: leb128, if: profile != 2}
      - {id: colour_primaries, type: u1, if: profile != 2}
      - {id: transfer_characteristics, type: u1, if: profile != 2}
      - {id: matrix_coefficients, type: u1, if: profile != 2}
      - {id: frame_rate_numerator, type: leb128, if: profile != 2}
      - {id: frame_rate_denominator, type: leb128, if: profile != 2}
      - {id: frame_count, type: leb128, if: profile != 2}
      - {id: level_sizes, type: level_size, repeat: expr, repeat-expr: layer_count, if: has_level_sizes}
      - {id: object_count, type: u1, if: has_objects}
      - {id: object_layers, type: u1, repeat: expr, repeat-expr: object_count, if: has_objects}
      - {id: sh_degree, type: b4, if: profile == 2}
      - {id: kernel, type: b4, if: profile == 2}
      - {id: axes, type: u1, if: profile == 2}
      - {id: colour_space, type: u1, if: profile == 2}
      - {id: grid_exponent, type: s1, if: profile == 2}
      - {id: metres_numerator, type: leb128, if: profile == 2}
      - {id: metres_denominator, type: leb128, if: profile == 2}
      - {id: tile_count, type: leb128, if: profile == 2}
  level_size:
    seq:
      - {id: level_width, type: leb128}
      - {id: level_height, type: leb128}
  index:
    seq:
      - {id: compression, type: u1, enum: compression}
      - {id: type_count, type: u1}
      - {id: types, type: u4, repeat: expr, repeat-expr: type_count}
      - {id: entry_count, type: leb128}
      - id: entries
        type: index_entry
        repeat: expr
        repeat-expr: entry_count.value
        if: compression == compression::stored
      - id: compressed
        size-eos: true
        if: compression == compression::zstandard
  index_entry:
    seq:
      - {id: type_index, type: u1}
      - {id: address, type: address}
      - {id: chunk_size, type: leb128}
  residual_quantiser:
    params:
      - {id: components, type: u1}
    seq:
      - {id: stage_count, type: b4}
      - {id: codebook_bits, type: b4}
      - {id: codebooks, type: "codebook(components << codebook_bits)", repeat: expr, repeat-expr: stage_count}
  codebook:
    params:
      - {id: entry_count, type: u2}
    seq:
      - {id: entry_shift, type: u1}
      - {id: entries, type: s1, repeat: expr, repeat-expr: entry_count}
  key_frame:
    params:
      - {id: components, type: u1}
    seq:
      - {id: first_frame, type: leb128}
      - {id: splat_count, type: leb128}
      - {id: last_slice, type: b1}
      - {id: has_background, type: b1}
      - {id: reserved_bits, type: b2}
      - {id: position_fraction_bits, type: b4}
      - {id: position_tool, type: u1}
      - {id: shape_tool, type: u1}
      - {id: colour_tool, type: u1}
      - {id: shape_domain, type: b2, if: position_tool == 1}
      - {id: shape_signed, type: b1, if: position_tool == 1}
      - {id: reserved_bit, type: b1, if: position_tool == 1}
      - {id: shape_bits, type: b4, if: position_tool == 1}
      - {id: shape_scale, type: u2, repeat: expr, repeat-expr: 3, if: position_tool == 1}
      - {id: shape_offset, type: s2, repeat: expr, repeat-expr: 3, if: position_tool == 1}
      - {id: cell_bits, type: b4, if: position_tool >= 2}
      - {id: shape_precision, type: b6, if: position_tool >= 2}
      - {id: position_precision, type: b6, if: position_tool >= 2}
      - {id: energy_step, type: u1, if: position_tool >= 2}
      - {id: background, type: s2, repeat: expr, repeat-expr: components, if: has_background}
      - {id: residual_quantiser, type: residual_quantiser(components), if: position_tool == 1}
      - {id: chroma_steps, type: b4, repeat: expr, repeat-expr: 2, if: position_tool >= 2 and components > 1}
      - {id: chroma_weight, type: u1, if: position_tool >= 2 and components > 1}
      - {id: symbols, size-eos: true}
  predicted_frames:
    params:
      - {id: components, type: u1}
    seq:
      - {id: frame_count, type: leb128}
      - {id: prediction_tool, type: u1}
      - {id: keep_parameters, type: b1, if: prediction_tool == 1}
      - {id: reserved_bits, type: b3, if: prediction_tool == 1}
      - {id: position_unit, type: b4, if: prediction_tool == 1}
      - {id: reserved_bits_2, type: b4, if: prediction_tool == 1}
      - {id: shape_bits, type: b4, if: prediction_tool == 1}
      - {id: shape_scale, type: u2, repeat: expr, repeat-expr: 3, if: prediction_tool == 1 and not keep_parameters}
      - {id: shape_offset, type: s2, repeat: expr, repeat-expr: 3, if: prediction_tool == 1 and not keep_parameters}
      - {id: residual_quantiser, type: residual_quantiser(components), if: prediction_tool == 1 and not keep_parameters}
      - {id: group_bits, type: b4, if: prediction_tool == 2}
      - {id: motion_bits, type: b4, if: prediction_tool == 2}
      - {id: cell_bits, type: b4, if: prediction_tool == 2}
      - {id: shape_precision, type: b6, if: prediction_tool == 2}
      - {id: position_precision, type: b6, if: prediction_tool == 2}
      - {id: energy_step, type: u1, if: prediction_tool == 2}
      - {id: chroma_steps, type: b4, repeat: expr, repeat-expr: 2, if: prediction_tool == 2 and components > 1}
      - {id: chroma_weight, type: u1, if: prediction_tool == 2 and components > 1}
      - {id: symbols, size-eos: true}
  hash:
    seq:
      - {id: frame_count, type: leb128}
      - {id: crc32, type: u4}
  splats:
    params:
      - {id: sh_degree, type: u1}
    seq:
      - {id: splat_count, type: leb128}
      - {id: last_slice, type: b1}
      - {id: prediction, type: b2}
      - {id: position_tool, type: b5}
      - {id: origin, type: s4, repeat: expr, repeat-expr: 3}
      - {id: cube_bits, type: u1}
      - {id: leaf_bits, type: u1}
      - {id: place_precision, type: s1}
      - {id: finest_scale, type: u1}
      - {id: usual_scale, type: u1}
      - {id: scale_step, type: u1}
      - {id: rotation_precision, type: s1}
      - {id: opacity_step, type: u2}
      - {id: colour_step, type: u1}
      - {id: chroma_steps, type: b4, repeat: expr, repeat-expr: 2}
      - {id: sh_steps, type: u1, repeat: expr, repeat-expr: sh_degree}
      - {id: growth, type: u1}
      - {id: growth_limit, type: u1, if: growth > 0}
      - {id: codebook_bits, type: u1}
      - {id: codewords, type: s2, repeat: expr, repeat-expr: 3 << codebook_bits, if: codebook_bits > 0}
      - {id: symbols, size-eos: true}
  refinement:
    seq:
      - {id: target_layer, type: u1}
      - {id: last_slice, type: b1}
      - {id: has_opacity, type: b1}
      - {id: has_colour, type: b1}
      - {id: has_sh, type: b1}
      - {id: has_scale, type: b1}
      - {id: reserved_bits, type: b3}
      - {id: symbols, size-eos: true}
  tiles:
    seq:
      - {id: tiles, type: tile, repeat: eos}
  tile:
    seq:
      - {id: tile_number, type: leb128}
      - {id: box_low, type: s4, repeat: expr, repeat-expr: 3}
      - {id: box_high, type: s4, repeat: expr, repeat-expr: 3}
      - {id: level_count, type: u1}
      - {id: tile_levels, type: tile_level, repeat: expr, repeat-expr: level_count}
  tile_level:
    seq:
      - {id: splats, type: leb128}
      - {id: missing, type: u2}
      - {id: error, type: u2}
