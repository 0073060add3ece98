"""`remote`: a binding call to another process, beside a gRPC call and beside HTTP by aiohttp.

Caller and callee of each system are processes of their own, each on its own core, and up for the
whole run. Only one pair is busy at a time, in rounds that go through all of them, every other round
backwards. Everything is a closed loop but the calls beside a stream; see `load.py`.
"""
