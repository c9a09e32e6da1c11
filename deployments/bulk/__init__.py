"""Photos by the million: `python -m deployments.bulk`; docs/bulk.md says what comes out."""
