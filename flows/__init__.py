"""Prefect flows: the order of stages, and nothing else."""
