"""S3 objects, the database, records and migrations. Knows no stage, price or vendor."""
