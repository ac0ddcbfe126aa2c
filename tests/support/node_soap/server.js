// A SOAP server by node's `soap`, run as a process of its own: prints its port, then serves until it is killed.
//
// The same operations and paths as spyne_server.py, but `Notify` is one-way here and answered 202 without a body, and
// `RaiseFault` takes the HTTP status that its fault comes with: 500 unless it says another. The first argument is the
// folder that `soap` is installed in.
"use strict";

const fs = require("fs");
const http = require("http");
const path = require("path");

const soap = require(path.join(process.argv[2], "node_modules", "soap"));

const NAMESPACES = { 11: "http://schemas.xmlsoap.org/wsdl/soap/", 12: "http://schemas.xmlsoap.org/wsdl/soap12/" };
const NOWHERE = "http://127.0.0.1:1/";
const template = fs.readFileSync(path.join(__dirname, "calls.wsdl"), "utf8");

let calls = [];
let tries = new Map();

function wsdl(version, address) {
  return template.replace("SOAP_NAMESPACE", NAMESPACES[version]).replace("ADDRESS", address);
}

// Completes the request's entry; which try of this call it is, from 1.
function note(operation, values, headers, request) {
  const session = headers && headers.Session ? headers.Session.id : null;
  Object.assign(request.entry, { operation, values, session });
  tries.set(values.call_id, (tries.get(values.call_id) || 0) + 1);
  return tries.get(values.call_id);
}

function fault(version, values) {
  const statusCode = values.status || 500;
  if (version === "11") {
    return { Fault: { faultcode: "soap:" + values.code, faultstring: values.text, statusCode } };
  }
  const [first, ...rest] = values.code.split(".");
  const Value = "soap:" + ({ Client: "Sender", Server: "Receiver" }[first] || first);
  const Code = rest.length ? { Value, Subcode: { Value: rest.join(".") } } : { Value };
  return { Fault: { Code, Reason: { Text: values.text }, statusCode } };
}

function operations(version) {
  const told = (operation) => (values, answer, headers, request) => {
    note(operation, values, headers, request);
    return { LeadId: "L-" + values.call_id, Number: values.seconds };
  };
  return {
    LogCall: told("LogCall"),
    Notify: told("Notify"),
    RaiseFault: (values, answer, headers, request) => {
      const attempt = note("RaiseFault", values, headers, request);
      if (values.times === undefined || attempt <= values.times) throw fault(version, values);
      return { LeadId: "L-" + values.call_id };
    },
    Wait: (values, answer, headers, request) => {
      note("Wait", values, headers, request);
      setTimeout(() => answer({ LeadId: "L-" + values.call_id }), 1000 * values.seconds);
    },
  };
}

// What no SOAP server answers: the record of calls, and the WSDLs that lead nowhere.
const server = http.createServer((request, response) => {
  if (request.url === "/received") {
    response.setHeader("Content-Type", "application/json");
    response.end(JSON.stringify(calls));
    if (request.method === "DELETE") {
      calls = [];
      tries = new Map();
    }
    return;
  }
  const lost = /^\/lost(11|12)\?wsdl$/.exec(request.url);
  response.statusCode = lost ? 200 : 404;
  response.setHeader("Content-Type", "text/xml; charset=utf-8");
  response.end(lost ? wsdl(lost[1], NOWHERE) : "");
});

// Keeps the bytes as they came; node's `soap` reads them after this from the same events.
function keep(request) {
  if (request.method !== "POST") return;
  const entry = { path: request.url, operation: null, values: null, session: null, headers: request.headers, body: "" };
  const chunks = [];
  calls.push(entry);
  request.entry = entry;
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => (entry.body = Buffer.concat(chunks).toString("base64")));
}

function begin(port) {
  server.prependListener("request", keep);
  process.stdout.write(port + "\n");
}

server.listen({ port: 0, host: "127.0.0.1", backlog: 1024 }, () => {
  const port = server.address().port;
  let unread = Object.keys(NAMESPACES).length;
  for (const version of Object.keys(NAMESPACES)) {
    const place = "/soap" + version;
    soap.listen(server, {
      path: place,
      services: { Calls: { Calls: operations(version) } },
      xml: wsdl(version, "http://127.0.0.1:" + port + place),
      forceSoap12Headers: version === "12",
      oneWay: { responseCode: 202, emptyBody: false },
      // It takes over the server's listeners when it has read its WSDL, so that `keep` must come after all of them.
      callback: () => --unread || begin(port),
    });
  }
});
