"""Where fitting runs: the kernels of a device behind one interface.

``kernels``: the interface, and the native kernels on the CPU. ``triton_kernels``: the same on a GPU, with the programs in
``kernels_f32``, the splats of tiles in ``lists`` and sizes that only the device knows in ``rooms``. ``sum_f32``: the sum as a torch function. ``sum_i16`` with
``kernels_i16``: the normative integer sum on a GPU. ``choose``: what ``--device`` means.
"""
