"""Beyond one machine: stages on the nodes of a Dask cluster, with a DVC remote between them."""
