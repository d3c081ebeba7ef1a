"""How Draftline is run beyond one command: Prefect deployments, server settings, images, compose.

What lives here: data (prefect.yaml, server.env, Dockerfile, SQL), and one command that applies it to a Prefect server
(`python -m deployments`). What may not: anything that a flow needs while it runs.
"""
