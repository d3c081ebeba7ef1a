"""Images and their scores."""

from collections.abc import Callable, Iterable
from datetime import datetime

import sqlalchemy as sa

from domain.run import ImageRecord, ScoreRecord, Stage
from storage.database import Database
from storage.database.tables import images, scores
from storage.database.upsert import insert_once
from storage.records.rows import from_row, to_row


class Images:
    """Writes an image once; reading gives them in the order of their ordinals."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database, self._clock = database, clock

    def add(self, image: ImageRecord) -> bool:
        """True if it was new. The same image again changes nothing."""
        with self._database.write() as connection:
            return insert_once(connection, images, {**to_row(image), "created_at": self._clock()})

    def of_run(self, run_id: str, stage: Stage | None = None, keys: Iterable[str] | None = None) -> list[ImageRecord]:
        query = sa.select(images).where(images.c.run_id == run_id)
        if stage is not None:
            query = query.where(images.c.stage == stage)
        if keys is not None:
            query = query.where(images.c.asset_key.in_(list(keys)))
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(images.c.asset_key, images.c.stage, images.c.ordinal)).mappings()
            return [from_row(ImageRecord, row) for row in rows]

    def of_asset(self, run_id: str, asset_key: str, stage: Stage) -> list[ImageRecord]:
        return self.of_run(run_id, stage, [asset_key])

    def add_score(self, score: ScoreRecord) -> None:
        with self._database.write() as connection:
            insert_once(connection, scores, {**to_row(score), "created_at": self._clock()})

    def scores(self, image_ids: Iterable[str]) -> dict[str, ScoreRecord]:
        query = sa.select(scores).where(scores.c.image_id.in_(list(image_ids)))
        with self._database.read() as connection:
            return {row["image_id"]: from_row(ScoreRecord, row) for row in connection.execute(query).mappings()}
