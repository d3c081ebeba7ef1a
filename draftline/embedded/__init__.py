"""The embedded default: S3, sandbox, Prefect and a worker as child processes on loopback, all state in `.draftline/`.

What lives here: starting, re-using, inspecting and stopping them. What may not: what they are used for, printing.

How it holds together:

* Each service has a **guard** (guard.py), a small process of its own session that starts it, and stops it when nobody
  holds a lease on it any more. Ctrl-C in a terminal does not reach it, a killed guard takes its service along (Linux).
* A **lease** is a file that the using command keeps locked. The kernel drops the lock when that command ends, by
  whatever: exit, Ctrl-C, SIGTERM or kill -9. So there is no owner: a service lives as long as any command uses it, and
  not longer, unless a command asked to keep it (`kept`), which only `stop()` undoes.
* `services.json` (mode 0600) remembers process, ports and credentials; the last two beyond a stop, so addresses stay.
* Whoever starts or stops anything holds the lock `run/services.lock`, so two commands start each service once.
"""
