"""Prefect tasks, one file a stage; paid_calls is the one door to a vendor's submit."""
