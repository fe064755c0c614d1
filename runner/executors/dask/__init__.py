"""The executor on a Dask cluster: probes of many machines, one coordinator with the one store."""
