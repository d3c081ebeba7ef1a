"""Who may come in and what they may do: roles, accounts, sessions, sign-in, CSRF. What may not live here: pages."""
