"""Expected failures, each as a sentence that says what to do. What is not expected keeps its traceback: it is a bug."""

from collections.abc import Iterable, Mapping


class CommandFailed(Exception):
    """A command cannot do what it was asked. The text is for the person who asked, a sentence a line."""


def sentence(error: Exception) -> str | None:
    """What a person is told of an expected failure, None for one that nobody expected."""
    # Imported here so that `onhook --help` need not wait for them.
    from dispatcher.adapters import embedded_broker
    from dispatcher.adapters.vault import CannotOpen
    from dispatcher.config_files import SettingsError
    from dispatcher.master_key import MasterKeyError
    from dispatcher.ports import BrokerUnavailable, Conflict, StoreUnavailable

    match error:
        case CommandFailed() | SettingsError() | MasterKeyError() | embedded_broker.BrokerUnavailable() | Conflict():
            return str(error)
        case StoreUnavailable():
            return (
                "The database does not answer. Is it running, and is ONHOOK_DATABASE_URL (or --data-dir) right? "
                "`onhook doctor` looks closer."
            )
        case BrokerUnavailable():
            return (
                "The broker does not answer. Is it running, is ONHOOK_BROKER_URL right? `onhook doctor` looks closer."
            )
        case CannotOpen():
            return (
                "This database was written with another master key. Set ONHOOK_MASTER_KEY to that key, "
                "or name the data directory that holds its master.key."
            )
        case OSError():
            return _os_error(error)
        case _:
            return None


def listed(head: str, faults: Iterable[Mapping[str, str]]) -> CommandFailed:
    """A refusal with each fault on a line of its own: where, what was expected, what was there."""
    lines = [
        f"  {fault['field'] or 'the document'}: expected {fault['expected']}, got {fault['got']}" for fault in faults
    ]
    return CommandFailed("\n".join([head, *lines]))


def _os_error(error: OSError) -> str | None:
    if error.strerror is None:
        return None
    return f"{error.filename}: {error.strerror}." if error.filename else f"{error.strerror}."
