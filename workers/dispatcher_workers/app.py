"""The Celery app. `celery --app dispatcher_workers.app worker|flower` finds it here."""

from dispatcher.adapters.celery_queue import make_app
from dispatcher.settings import load_settings

settings = load_settings()
app = make_app(settings.celery_broker_url, settings.worker_threads)

# Imported for what they register on the app: tasks by name, and signals.
from dispatcher_workers import lifecycle, tasks  # noqa: E402,F401
