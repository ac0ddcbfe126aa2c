from dispatcher.adapters.metrics import make_metrics
from dispatcher.api.refused_posts import RefusedPosts


def test_posts_that_are_not_let_in_are_counted_by_source_and_reason() -> None:
    refused = RefusedPosts()
    text = make_metrics(dict, refused.counted)
    assert b"onhook_source_posts_refused_total{" not in text()
    for _ in range(2):
        refused.count("pbx-berlin", "signature")
    refused.count("pbx-berlin", "stale")
    lines = text().decode().splitlines()
    assert [line for line in lines if line.startswith("onhook_source_posts_refused_total{")] == [
        'onhook_source_posts_refused_total{reason="signature",source="pbx-berlin"} 2.0',
        'onhook_source_posts_refused_total{reason="stale",source="pbx-berlin"} 1.0',
    ]
