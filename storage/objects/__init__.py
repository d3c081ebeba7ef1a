"""The S3 side of storage: keys, immutable blobs, the publish protocol and a probe of the store.

What lives here: everything that speaks S3. What may not: the database, images, prices, the environment.
"""
