"""Throw-away certificates for both ends, in files that both read."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from pathlib import Path

import grpc
import trustme

HOST = "127.0.0.1"
_VARIABLE = "BENCH_CERTIFICATES"


@dataclass(frozen=True, slots=True)
class Certificates:
    """A directory with one authority and one certificate, which both ends show."""

    directory: Path

    @classmethod
    def issue(cls, directory: Path) -> Certificates:
        """Make them, and name them to the processes that this one starts."""
        authority = trustme.CA()
        leaf = authority.issue_cert(HOST)
        issued = cls(directory)
        authority.cert_pem.write_to_path(str(issued._authority))
        leaf.private_key_and_cert_chain_pem.write_to_path(str(issued._leaf))
        leaf.private_key_pem.write_to_path(str(issued._key))
        os.environ[_VARIABLE] = str(directory)
        return issued

    @classmethod
    def issued(cls) -> Certificates:
        """Those of the process that started this one."""
        return cls(Path(os.environ[_VARIABLE]))

    def client_context(self) -> ssl.SSLContext:
        """For a client that shows its certificate."""
        context = ssl.create_default_context(cafile=self._authority)
        context.load_cert_chain(self._leaf)
        return context

    def server_context(self) -> ssl.SSLContext:
        """For a server that demands a certificate."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=self._authority)
        context.load_cert_chain(self._leaf)
        context.verify_mode = ssl.CERT_REQUIRED
        return context

    def channel_credentials(self) -> grpc.ChannelCredentials:
        """The same for gRPC's client."""
        return grpc.ssl_channel_credentials(
            self._authority.read_bytes(), self._key.read_bytes(), self._leaf.read_bytes()
        )

    def server_credentials(self) -> grpc.ServerCredentials:
        """The same for gRPC's server."""
        return grpc.ssl_server_credentials(
            [(self._key.read_bytes(), self._leaf.read_bytes())],
            root_certificates=self._authority.read_bytes(),
            require_client_auth=True,
        )

    @property
    def _authority(self) -> Path:
        return self.directory / "authority.pem"

    @property
    def _leaf(self) -> Path:
        return self.directory / "leaf.pem"

    @property
    def _key(self) -> Path:
        return self.directory / "key.pem"
