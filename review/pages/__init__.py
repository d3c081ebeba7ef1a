"""Every page of the board. A new page module is imported here and added to ALL."""

from review.pages import audit, health, home, people, pictures, signin, static_files

_MODULES = (health, static_files, signin, home, people, audit, pictures)

ALL = tuple(page for module in _MODULES for page in module.PAGES)
