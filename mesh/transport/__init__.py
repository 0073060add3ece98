"""gRPC as this project uses it: the options of channels and servers, and where they listen."""
