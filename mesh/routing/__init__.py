"""Where calls lead, as immutable values: no I/O, no clock, no grpc."""
