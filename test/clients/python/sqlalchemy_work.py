"""SQLAlchemy 2, core and ORM, on psycopg and on asyncpg: reflection, a schema made and dropped, unit of work, streaming, upserts."""

import asyncio
import datetime as dt
import enum

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from say import say


class Base(orm.DeclarativeBase):
    pass


class Size(enum.Enum):
    small = 1
    large = 2


class Author(Base):
    __tablename__ = "authors"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str] = orm.mapped_column(sa.String(50), unique=True)
    born: orm.Mapped[dt.date | None]
    books: orm.Mapped[list["Book"]] = orm.relationship(back_populates="author", cascade="all, delete-orphan", order_by="Book.id")


class Book(Base):
    __tablename__ = "books"
    id: orm.Mapped[int] = orm.mapped_column(sa.Identity(), primary_key=True)
    title: orm.Mapped[str] = orm.mapped_column(index=True)
    size: orm.Mapped[Size]
    tags: orm.Mapped[list[str]] = orm.mapped_column(pg.ARRAY(sa.Text))
    doc: orm.Mapped[dict] = orm.mapped_column(pg.JSONB)
    author_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("authors.id", ondelete="cascade"))
    author: orm.Mapped[Author] = orm.relationship(back_populates="books")


def work(connection):
    Base.metadata.drop_all(connection)
    Base.metadata.create_all(connection)
    inspector = sa.inspect(connection)
    say("tables", sorted(inspector.get_table_names()))
    for table in ("authors", "books"):
        say("columns", [(c["name"], str(c["type"]), c["nullable"]) for c in inspector.get_columns(table)])
        say("keys", inspector.get_pk_constraint(table)["constrained_columns"], [k["referred_table"] for k in inspector.get_foreign_keys(table)])
        say("indexes", [(i["name"], i["unique"]) for i in inspector.get_indexes(table)], inspector.get_unique_constraints(table))
    say("enums", inspector.get_enums())
    reflected = sa.MetaData()
    reflected.reflect(connection, only=["books"])
    say("reflected", sorted(reflected.tables))
    with orm.Session(connection) as session:
        session.add_all(
            [
                Author(name=f"author {i}", born=dt.date(1900 + i, 1, 1), books=[Book(title=f"book {i}.{n}", size=Size.small, tags=["a", f"{n}"], doc={"n": n}) for n in range(3)])
                for i in range(10)
            ]
        )
        session.flush()
        found = session.scalars(sa.select(Author).options(orm.selectinload(Author.books)).where(Author.born >= dt.date(1905, 1, 1)).order_by(Author.id)).all()
        say("authors", [(a.name, [b.title for b in a.books]) for a in found])
        first = session.get(Author, 1)
        first.books[0].size = Size.large
        first.books[1].doc = {"changed": True}
        session.delete(first.books[2])
        session.flush()
        session.expire_all()
        say("changed", [(b.title, b.size.name, b.doc, b.tags) for b in session.get(Author, 1).books])
        joined = sa.select(Author.name, sa.func.count(Book.id).label("n")).join(Book).group_by(Author.name).having(sa.func.count(Book.id) < 3).order_by(Author.name)
        say("joined", [tuple(row) for row in session.execute(joined)])
        try:
            with session.begin_nested():
                session.add(Author(name="author 1"))
                session.flush()
        except sa.exc.IntegrityError as error:
            say("twice", str(error.orig).splitlines()[0])
        session.flush()
    upsert = pg.insert(Author).values([{"name": "author 2"}, {"name": "new"}])
    upsert = upsert.on_conflict_do_update(index_elements=["name"], set_={"born": dt.date(2000, 1, 1)}).returning(Author.name, Author.born)
    say("upsert", [tuple(row) for row in connection.execute(upsert)])
    say("arrays", connection.scalars(sa.select(Book.id).where(Book.tags.contains(["2"])).order_by(Book.id)).all())
    say("json", connection.scalars(sa.select(Book.title).where(Book.doc["changed"].as_boolean())).all())
    recent = sa.select(Book.id, sa.func.row_number().over(partition_by=Book.author_id, order_by=Book.id.desc()).label("n")).cte("recent")
    say("window", connection.execute(sa.select(sa.func.count()).select_from(recent).where(recent.c.n == 1)).scalar())
    connection.execute(sa.update(Book).where(Book.size == Size.small).values(title=Book.title + "!"))
    say("deleted", connection.execute(sa.delete(Author).where(Author.name.like("author %"))).rowcount)
    say("left", connection.scalar(sa.select(sa.func.count()).select_from(Book)))
    Base.metadata.drop_all(connection)


def synchronous():
    engine = sa.create_engine("postgresql+psycopg://")
    with engine.begin() as connection:
        work(connection)
    with engine.connect() as connection:
        rows = connection.execution_options(stream_results=True, max_row_buffer=50).execute(sa.text("select g from generate_series(1, 500) g"))
        say("streamed", sum(row.g for row in rows.partitions(100).__next__()))
        rows.close()
        say("isolation", connection.get_isolation_level(), connection.default_isolation_level)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        say("autocommit", connection.scalar(sa.text("select 1")))
    engine.dispose()


async def asynchronous():
    engine = create_async_engine("postgresql+asyncpg://")
    async with engine.begin() as connection:
        await connection.run_sync(work)
    async with engine.connect() as connection:
        result = await connection.stream(sa.text("select g from generate_series(1, 100) g"))
        say("streamed", sum([row.g async for row in result]))
    async with AsyncSession(engine) as session:
        say("session", (await session.execute(sa.select(sa.literal(7)))).scalar())
    await engine.dispose()


synchronous()
say("--- asyncpg")
asyncio.run(asynchronous())
