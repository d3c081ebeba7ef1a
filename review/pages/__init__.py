"""Every page of the board. A new page module is imported here and added to ALL."""

from review.pages import (
    assets,
    audit,
    caps,
    health,
    home,
    launch,
    launch_approvals,
    launch_briefs,
    launch_catalog,
    people,
    pictures,
    queue,
    runs,
    sheets,
    signin,
    spend,
    spend_attempts,
    spend_papers,
    static_files,
)

_MODULES = (
    health,
    static_files,
    signin,
    home,
    people,
    audit,
    pictures,
    sheets,
    runs,
    assets,
    spend,
    spend_attempts,
    spend_papers,
    caps,
    launch,
    launch_catalog,
    launch_approvals,
    launch_briefs,
    queue,
)

ALL = tuple(page for module in _MODULES for page in module.PAGES)
