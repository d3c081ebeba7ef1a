"""The examples in docs/alerts.md are what Prefect and our own policy reader take."""

import re
from pathlib import Path
from typing import Any

import yaml
from prefect.events.schemas.automations import AutomationCore

from budget.degrade import DegradePolicy
from wiring.degrade_files import degrade_policy
from wiring.ladder_files import roles

TEXT = (Path(__file__).parents[2] / "docs/alerts.md").read_text(encoding="utf-8")
BLOCKS: list[dict[str, Any]] = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", TEXT, re.S)]


def test_the_automations_are_ones_that_prefect_would_create() -> None:
    automations = [AutomationCore.model_validate(block) for block in BLOCKS if "trigger" in block]
    assert [a.actions[0].type for a in automations] == ["pause-deployment", "send-notification"]
    for automation in automations:
        assert automation.trigger.expect == {"draftline.cap.threshold"}  # type: ignore[union-attr]


def test_the_policy_that_is_shown_is_the_one_that_is_delivered() -> None:
    (shown,) = [DegradePolicy.model_validate(block) for block in BLOCKS if "steps" in block]
    assert shown == degrade_policy("gentle", roles())
