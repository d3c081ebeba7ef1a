"""Reading and writing the records of the work. One file a noun; no rule of a stage lives here."""
