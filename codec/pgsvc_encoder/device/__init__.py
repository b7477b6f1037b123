"""Where fitting runs: the kernels of a device behind one interface.

``kernels`` has the interface and the native kernels of the CPU. ``triton_kernels`` has those of a GPU, with the programs in
``kernels_f32``, the splats of each tile in ``lists``, octaves and their joining in ``octaves``, and sizes that only the device
knows in ``rooms``. ``captured`` makes a CUDA graph of an iteration, ``resident`` keeps splats on the device while they are trained.
``sum_f32`` is the sum as a torch function; ``sum_i16`` with ``kernels_i16`` the normative integer sum on a GPU. ``choose`` says
what ``--device`` means.
"""
