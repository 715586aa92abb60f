"""Fields, documents and collections of MongoDB."""

from rumbo.integrations.mongodb import (
    MongoCellTarget,
    MongoCollectionTarget,
    MongoCountTarget,
    MongoRangeTarget,
    MongoTarget,
)

__all__ = ["MongoCellTarget", "MongoCollectionTarget", "MongoCountTarget", "MongoRangeTarget", "MongoTarget"]
