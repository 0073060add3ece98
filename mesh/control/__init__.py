"""The control plane: what the mesh is to be, and who has been told.

No call of a worker ever passes it. `state` is the pure core, `store` what lies on disk, and
`server` puts both behind the gRPC services of `proto/mesh/v1/control.proto` and `admin.proto`.
"""
