"""The ledger's functions inside PostgreSQL: their text lies beside this file, and their name holds its hash.

So code and function always match, two versions of the code can work on one database during a deploy, and no migration
is needed: whoever first misses a function makes it. Functions of older versions stay behind and harm nothing.
"""

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal

import psycopg
import sqlalchemy as sa

from domain.errors import StorageError
from storage.database import Database

Function = Literal["hold", "move"]

# any fixed number: names our lock among PostgreSQL's advisory locks
_ADVISORY_LOCK = 7_236_115
_HASH_DIGITS = 12
_OUR_ERRORS = "DL"


@cache
def function_text(function: Function) -> str:
    return Path(__file__).with_name(f"{function}.sql").read_text(encoding="utf-8")


@cache
def function_name(function: Function) -> str:
    digest = hashlib.sha256(function_text(function).encode()).hexdigest()
    return f"draftline_{function}_{digest[:_HASH_DIGITS]}"


def call(database: Database, function: Function, parameters: Sequence[Any]) -> Any:
    """The function's answer, in a transaction of its own. Makes the function first where it is missing.

    Raises StorageError for whatever the database refuses (a standby that only reads, a right that is missing), but for
    the errors that the functions raise themselves.
    """
    statement = _call(function, len(parameters))
    try:
        try:
            return database.call(statement, parameters)
        except psycopg.errors.UndefinedFunction:
            install(database, function)
            return database.call(statement, parameters)
    except psycopg.Error as error:
        if (error.sqlstate or "").startswith(_OUR_ERRORS):
            raise
        raise _refused(function, error) from error
    except sa.exc.DBAPIError as error:
        raise _refused(function, error.orig or error) from error


def _refused(function: Function, error: BaseException) -> StorageError:
    return StorageError(f"the database refused to {function}: {str(error).splitlines()[0]}")


@cache
def _call(function: Function, parameters: int) -> str:
    return f"SELECT {function_name(function)}({', '.join(['%s'] * parameters)})"


def install(database: Database, function: Function) -> None:
    """Make the function unless another process was faster."""
    name = function_name(function)
    with database.write() as connection:
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:n)"), {"n": _ADVISORY_LOCK})
        there = sa.text("SELECT 1 FROM pg_proc WHERE proname = :name AND pg_function_is_visible(oid)")
        if connection.execute(there, {"name": name}).first() is None:
            # the driver takes a percent sign for a parameter
            connection.exec_driver_sql(function_text(function).replace("{name}", name).replace("%", "%%"))
