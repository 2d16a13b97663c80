"""Sources: one module for each archive or format, all by the contract in :mod:`harvesters.contract`."""
