"""Prompts: briefs rendered into what each model family reads.

What lives here: templates and draft variations as versioned data, their small language, rendering. What may not:
network, storage, prices, model ids, a clock. Start at `prompts.book.PromptBook`.
"""
