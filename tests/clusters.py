"""A dask cluster of this machine."""

from __future__ import annotations

from distributed import LocalCluster


def local_cluster() -> LocalCluster:
    """Start two worker processes behind a scheduler, all speaking TCP; killed ones start again."""
    return LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=":0", protocol="tcp://"
    )
