"""Photos of products: found in a folder by name, or fetched from hosts that the operator has allowed.

What lives here: names, the index of a folder, the guarded fetch. What may not: decoding (imaging does that, and only
that makes a photo safe), prices, what happens to a product without a photo.
"""

from storage.photos.fetching import Fetcher, FetchRefused, GuardedFetcher, photo_policy
from storage.photos.finder import MAX_PHOTOS, FoundPhotos, Photo, PhotoFinder, names_of
from storage.photos.folder import require_folder
from storage.photos.magic import MAX_PHOTO_BYTES

__all__ = [
    "MAX_PHOTOS",
    "MAX_PHOTO_BYTES",
    "FetchRefused",
    "Fetcher",
    "FoundPhotos",
    "GuardedFetcher",
    "Photo",
    "PhotoFinder",
    "names_of",
    "photo_policy",
    "require_folder",
]
