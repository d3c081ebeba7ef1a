"""Black Forest Labs' wire: submit, poll, delivery, credits."""
