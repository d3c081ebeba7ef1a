"""Paid image APIs, one folder each: neutral request -> wire -> receipt. No budget, storage, Prefect or environment."""
