"""A SOAP server by spyne, run as a process of its own: prints its port, then serves until it is killed.

`/soap11` and `/soap12` speak one version each and validate against their schema; `/lost11` and `/lost12` hand out the
same WSDLs with an address where nobody is. `GET /received` tells every call so far, `DELETE /received` forgets them.
An envelope that spyne itself refuses is told too, with no operation. It knows no one-way operation: `Notify` has an
empty reply.
"""

import base64
import io
import json
import sys
import threading
import time
from collections import Counter
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from spyne import (
    Application,
    Boolean,
    ByteArray,
    ComplexModel,
    Date,
    DateTime,
    Decimal,
    Enum,
    Fault,
    Integer,
    ServiceBase,
    Unicode,
    rpc,
)
from spyne.interface.wsdl import Wsdl11
from spyne.protocol.soap import Soap11, Soap12
from spyne.server.wsgi import WsgiApplication

NAMESPACE = "urn:example:calls"
NOWHERE = "http://127.0.0.1:1/"
Text = Unicode(min_occurs=1, nillable=False)
Number = Integer(min_occurs=1, nillable=False)
Outcome = Enum("answered", "missed", "busy", type_name="Outcome")


class Session(ComplexModel):
    __namespace__ = NAMESPACE
    id = Unicode


class Team(ComplexModel):
    __namespace__ = NAMESPACE
    name = Unicode


class Agent(ComplexModel):
    __namespace__ = NAMESPACE
    id = Text
    name = Unicode
    team = Team


class Line(ComplexModel):
    __namespace__ = NAMESPACE
    sku = Text
    quantity = Integer


class Tag(ComplexModel):
    __namespace__ = NAMESPACE
    name = Text


OF_A_CALL = {
    "call_id": Text,
    "seconds": Number,
    "started_at": DateTime,
    "day": Date,
    "price": Decimal,
    "recorded": Boolean,
    "audio": ByteArray,
    "outcome": Outcome,
    "agent": Agent,
    "lines": Line.customize(max_occurs="unbounded"),
    "codes": Unicode(max_occurs="unbounded"),
    "tags": Tag.customize(max_occurs="unbounded"),
}


class Ledger:
    """What was received, and how often each call has come."""

    def __init__(self):
        self.lock = threading.Lock()
        self.forget()

    def forget(self):
        self.calls = []
        self.tries = Counter()

    def open(self, env, body):
        headers = {name[5:].lower().replace("_", "-"): value for name, value in env.items() if name[:5] == "HTTP_"}
        headers["content-type"] = env.get("CONTENT_TYPE", "")
        entry = {"path": env["PATH_INFO"], "operation": None, "values": None, "session": None}
        entry |= {"headers": headers, "body": base64.b64encode(body).decode()}
        with self.lock:
            self.calls.append(entry)
        return entry

    def note(self, ctx, **values):
        """Completes the request's entry; which try of this call it is, from 1."""
        entry = ctx.transport.req_env["calls.entry"]
        entry["values"] = {name: plain(value) for name, value in values.items() if value is not None}
        entry["session"] = ctx.in_header and ctx.in_header.id
        entry["operation"] = ctx.descriptor.name
        with self.lock:
            self.tries[values["call_id"]] += 1
            return self.tries[values["call_id"]]


def plain(value):
    """As JSON takes it: dates and decimals as text, bytes in base64."""
    if isinstance(value, ComplexModel):
        members = {name: getattr(value, name) for name in value.get_flat_type_info(type(value))}
        return {name: plain(member) for name, member in members.items() if member is not None}
    if isinstance(value, (list, tuple)):
        if value and isinstance(value[0], bytes):
            return base64.b64encode(b"".join(value)).decode()
        return [plain(each) for each in value]
    if isinstance(value, (bool, int, str)):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


ledger = Ledger()


class Calls(ServiceBase):
    @rpc(
        *OF_A_CALL.values(),
        _args=tuple(OF_A_CALL),
        _in_header=(Session,),
        _returns=[Unicode, Integer],
        _out_variable_names=["LeadId", "Number"],
    )
    def LogCall(ctx, *values):  # noqa: N802, N805
        told = dict(zip(OF_A_CALL, values, strict=True))
        ledger.note(ctx, **told)
        return f"L-{told['call_id']}", told["seconds"]

    @rpc(Text)
    def Notify(ctx, call_id):  # noqa: N802, N805
        ledger.note(ctx, call_id=call_id)

    @rpc(Text, Text, Text, Integer, _returns=Unicode, _out_variable_name="LeadId")
    def RaiseFault(ctx, call_id, code, text, times):  # noqa: N802, N805
        """Raises a fault, or only for so many tries of this call."""
        attempt = ledger.note(ctx, call_id=call_id, code=code, text=text, times=times)
        if times is None or attempt <= times:
            raise Fault(code, text)
        return f"L-{call_id}"

    @rpc(Text, Decimal, _in_header=(Session,), _returns=Unicode, _out_variable_name="LeadId")
    def Wait(ctx, call_id, seconds):  # noqa: N802, N805
        ledger.note(ctx, call_id=call_id, seconds=seconds)
        time.sleep(float(seconds))
        return f"L-{call_id}"


def application(protocol):
    """The calls in one SOAP version, and a WSDL of them that leads nowhere."""
    made = Application(
        [Calls], NAMESPACE, name="Calls", in_protocol=protocol(validator="lxml"), out_protocol=protocol()
    )
    served = WsgiApplication(made)  # which also says that the transport is HTTP: the WSDL must come after it
    wsdl = Wsdl11(made.interface)
    wsdl.build_interface_document(NOWHERE)
    return served, wsdl.get_interface_document()


APPLICATIONS = {"11": application(Soap11), "12": application(Soap12)}


def serve(env, start_response):
    """Sends each request to the application of its path."""
    length = int(env.get("CONTENT_LENGTH") or 0)
    body = env["wsgi.input"].read(length)
    path = env["PATH_INFO"]
    if path == "/received":
        content = json.dumps(ledger.calls).encode()
        if env["REQUEST_METHOD"] == "DELETE":
            ledger.forget()
    elif path.startswith("/lost") and env["REQUEST_METHOD"] == "GET":
        content = APPLICATIONS[path[-2:]][1]
    else:
        env["wsgi.input"] = io.BytesIO(body)
        if env["REQUEST_METHOD"] == "POST":
            env["calls.entry"] = ledger.open(env, body)
        return APPLICATIONS[path[-2:]][0](env, start_response)
    kind = "application/json" if path == "/received" else "text/xml; charset=utf-8"
    start_response("200 OK", [("Content-Type", kind), ("Content-Length", str(len(content)))])
    return [content]


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 1024

    def server_bind(self):
        # The address is told by number: the reverse look-up of wsgiref's own would ask a name server.
        super(WSGIServer, self).server_bind()
        self.server_name, self.server_port = self.server_address[0], self.server_address[1]
        self.setup_environ()


class Handler(WSGIRequestHandler):
    def log_message(self, *_):
        return


if __name__ == "__main__":
    server = make_server("127.0.0.1", 0, serve, Server, Handler)
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()
