"""Keys of a wrangler file that the mesh accepts and ignores.

Not the keys that it reads: those are where they are read, in `wrangler`.
Source: Cloudflare's wrangler configuration schema, and developers.cloudflare.com/workers/wrangler.
"""

from __future__ import annotations

SILENT = frozenset({"$schema"})
"""Says nothing about the worker: the schema that an editor checks the file with."""

_PRODUCTS = frozenset(
    {
        "agent_memory", "ai", "ai_search", "ai_search_namespaces", "analytics_engine_datasets",
        "artifacts", "assets", "browser", "cloudchamber", "connect", "containers", "d1_databases",
        "dispatch_namespaces", "durable_objects", "exports", "flagship", "hyperdrive", "images",
        "kv_namespaces", "logfwdr", "media", "migrations", "mtls_certificates",
        "pages_build_output_dir", "pipelines", "queues", "r2_buckets", "ratelimits",
        "secrets_store_secrets", "send_email", "site", "stream", "streaming_tail_consumers",
        "tail_consumers", "triggers", "unsafe", "unsafe_hello_world", "vectorize",
        "version_metadata", "vpc_networks", "vpc_services", "websearch", "worker_loaders",
        "workflows",
    }
)  # fmt: skip

_SETTINGS = frozenset(
    {
        "access", "account_id", "alias", "base_dir", "build", "cache", "compliance_region",
        "data_blobs", "define", "dependencies_instrumentation", "dev", "find_additional_modules",
        "first_party_worker", "jsx_factory", "jsx_fragment", "keep_names", "keep_vars",
        "legacy_env", "limits", "logpush", "minify", "no_bundle", "node_compat", "observability",
        "placement", "preserve_file_names", "preview_urls", "previews", "python_modules", "rules",
        "send_metrics", "text_blobs", "tsconfig", "type", "upload_source_maps", "usage_model",
        "wasm_modules", "webpack_config", "zone_id",
    }
)  # fmt: skip

IGNORED = _PRODUCTS | _SETTINGS
"""Cloudflare's other products, and settings of its platform and its tools: named in a warning."""
