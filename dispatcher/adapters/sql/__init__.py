"""The two databases: PostgreSQL and SQLite behind the same ports.

`tables` is the one description of the schema, `cold` holds everything that is written or read
seldom (SQLAlchemy Core, both databases), `postgresql` and `sqlite` hold the hot statements, written
for the driver.
"""
