"""Black Forest Labs: submit, poll, download. Only this folder knows BFL's wire."""
