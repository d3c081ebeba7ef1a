"""Write the next migration from what the tables say now: `.venv/bin/python tools/migration.py "what changed"`.

Read the file that it makes before it is committed: alembic cannot see renamed columns, data, or changed constraints.
"""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from alembic import command
from alembic.script import ScriptDirectory

from storage.database import open_database
from storage.database.migrate import _config, migrate


def main(message: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(f"sqlite:///{folder}/empty.db")
        migrate(database)
        number = len(list(ScriptDirectory.from_config(_config(None)).walk_revisions())) + 1
        with database.write() as connection:
            script = command.revision(_config(connection), message, autogenerate=True, rev_id=f"{number:04d}")
        database.close()
    path = Path(script.path)  # type: ignore[union-attr]
    text = path.read_text().replace("storage.database.types.UtcDateTime(", "UtcDateTime(")
    path.write_text(text.replace("import storage.database.types\n", "from storage.database.types import UtcDateTime\n"))
    print(path)


if __name__ == "__main__":
    main(" ".join(sys.argv[1:]) or sys.exit(__doc__))
