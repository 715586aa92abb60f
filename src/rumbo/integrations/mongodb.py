"""Fields, documents and collections of MongoDB as targets.

Each takes a ``pymongo.MongoClient``, which knows the server, its credentials, timeouts and retries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rumbo.pipeline.target import Target

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["MongoCellTarget", "MongoCollectionTarget", "MongoCountTarget", "MongoRangeTarget", "MongoTarget"]


class MongoTarget(Target):
    """Something in a collection.

    Args:
        mongo_client: a ``pymongo.MongoClient``.
        index: the database.
        collection: the collection there.
    """

    def __init__(self, mongo_client: Any, index: str, collection: str) -> None:
        self._mongo_client = mongo_client
        self._index = index
        self._collection = collection

    def __str__(self) -> str:
        return f"{self._index}/{self._collection}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    def get_collection(self) -> Any:
        """The collection."""
        return self._mongo_client[self._index][self._collection]

    def get_index(self) -> Any:
        """The database."""
        return self._mongo_client[self._index]


class MongoCellTarget(MongoTarget):
    """A field of a document.

    Args:
        document_id: the document.
        path: the field; one within another by dots.
    """

    def __init__(self, mongo_client: Any, index: str, collection: str, document_id: Any, path: str) -> None:
        super().__init__(mongo_client, index, collection)
        self._document_id = document_id
        self._path = path

    def exists(self) -> bool:
        """Whether the field is there and not null."""
        return self.read() is not None

    def read(self) -> Any:
        """The field's value; None without one."""
        found = self.get_collection().aggregate(
            [{"$match": {"_id": self._document_id}}, {"$project": {"_value": f"${self._path}", "_id": False}}]
        )
        return next((document.get("_value") for document in found), None)

    def write(self, value: Any) -> None:
        """Set the field; the document is made if it is missing."""
        self.get_collection().update_one({"_id": self._document_id}, {"$set": {self._path: value}}, upsert=True)


class MongoRangeTarget(MongoTarget):
    """One field in each of several documents.

    Args:
        document_ids: the documents.
        field: the field.
    """

    def __init__(self, mongo_client: Any, index: str, collection: str, document_ids: Sequence[Any], field: str) -> None:
        super().__init__(mongo_client, index, collection)
        self._document_ids = document_ids
        self._field = field

    def exists(self) -> bool:
        """Whether all documents have the field."""
        return not self.get_empty_ids()

    def read(self) -> dict[Any, Any]:
        """The values that are there, by document."""
        return {document["_id"]: document[self._field] for document in self._found(self._field)}

    def write(self, values: Mapping[Any, Any]) -> None:
        """Set the field in those of the documents that have a value here; they are made if they are missing."""
        from pymongo import UpdateOne

        ours = set(self._document_ids)
        updates = [
            UpdateOne({"_id": id}, {"$set": {self._field: value}}, upsert=True)
            for id, value in values.items()
            if id in ours
        ]
        if updates:
            self.get_collection().bulk_write(updates)

    def get_empty_ids(self) -> set[Any]:
        """The documents that lack the field."""
        return set(self._document_ids) - {document["_id"] for document in self._found("_id")}

    def _found(self, wanted: str) -> Any:
        question = {"_id": {"$in": list(self._document_ids)}, self._field: {"$exists": True}}
        return self.get_collection().find(question, {wanted: True})


class MongoCollectionTarget(MongoTarget):
    """A collection as a whole."""

    def exists(self) -> bool:
        """Whether there is such a collection."""
        return self.read()

    def read(self) -> bool:
        """Whether there is such a collection."""
        return self._collection in self.get_index().list_collection_names(filter={"name": self._collection})


class MongoCountTarget(MongoTarget):
    """A collection with a certain number of documents.

    Args:
        target_count: that number.
    """

    def __init__(self, mongo_client: Any, index: str, collection: str, target_count: int) -> None:
        super().__init__(mongo_client, index, collection)
        self._target_count = target_count

    def exists(self) -> bool:
        """Whether there are exactly so many documents."""
        return self.read() == self._target_count

    def read(self) -> int | None:
        """How many there are; None in a collection without any."""
        # count_documents would do the same, and say 0 where Luigi says None.
        for counted in self.get_collection().aggregate([{"$group": {"_id": None, "count": {"$sum": 1}}}]):
            count: int = counted["count"]
            return count
        return None
