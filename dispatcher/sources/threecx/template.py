"""The CRM template that makes 3CX report its calls to a source: XML to be uploaded in its management console.

Only elements and expressions are used that working templates of others use, since 3CX documents them by examples alone.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

_VALUES = (
    ("CallType", "1", "[CallType]"),
    ("Number", "1", "[Number]"),
    ("Name", "1", "[Name]"),
    ("Agent", "1", "[Agent]"),
    ("AgentFirstName", "1", "[AgentFirstName]"),
    ("AgentLastName", "1", "[AgentLastName]"),
    ("AgentEmail", "1", "[AgentEmail]"),
    ("Duration", "1", "[Duration]"),
    ("DateTime", "1", "[DateTime]"),
    ("CallStartTimeUTC", "2", '[[CallStartTimeUTC].ToString("yyyy-MM-ddTHH:mm:ssZ")]'),
    ("CallStartTimeLocal", "2", '[[CallStartTimeLocal].ToString("yyyy-MM-ddTHH:mm:ss")]'),
    ("CallEndTimeUTC", "2", '[[CallEndTimeUTC].ToString("yyyy-MM-ddTHH:mm:ssZ")]'),
)
"""What is posted: the name, how often 3CX substitutes in the value, and the value."""
_PARAMETER = '    <Parameter Name="{}" Type="{}" Parent="{}" Editor="String" Title="{}" Default={} />'
_NEVER = "[ReportCallEnabled]!=Never"
"""Always true, so that the look-up of contacts, without which no template is complete, asks nothing."""


class CannotReport(ValueError):
    """The source's authentication is none that 3CX can satisfy. The text is a sentence."""


def template(name: str, url: str, auth: Mapping[str, Any] | None) -> str:
    """The template of the source `name`, whose posts go to `url`. Raises `CannotReport`.

    Secrets are parameters, which an administrator fills in in 3CX: the file holds none.
    """
    parameters, authentication, header, query = _credential(auth)
    address = escape(f"{url}{query}", {'"': "&quot;"})
    shown = f'<Value Key="{header[0]}">{header[1]}</Value>' if header else ""
    headers = f"        <Headers>\n          {shown}\n        </Headers>\n" if header else ""
    values = "\n".join(
        f'          <Value Key="{key}" Passes="{passes}" Type="String">{value}</Value>'
        for key, passes, value in _VALUES
    )
    return _TEMPLATE.format(
        name=quoteattr(f"Onhook {name}"),
        parameters="\n".join(parameters),
        authentication=authentication,
        url=address,
        never=_NEVER,
        headers=headers,
        values=values,
    )


_Credential = tuple[list[str], str, tuple[str, str] | None, str]


def _credential(auth: Mapping[str, Any] | None) -> _Credential:
    """The parameters, the authentication, a header and a query that show what the source asks for."""
    kind = None if auth is None else auth.get("kind")
    if auth is None or kind is None:
        raise CannotReport("The source takes nothing until its authentication is set.")
    if kind == "all":
        # Addresses need nothing to be shown; of several secrets 3CX can show one.
        shown = [each for each in auth["of"] if each.get("kind") != "ip_allow"]
        if len(shown) > 1:
            raise CannotReport("3CX can show one secret, and the source asks for several.")
        return _credential(shown[0] if shown else {"kind": "ip_allow"})
    secret = _parameter("OnhookSecret", "Onhook secret:")
    if kind in ("basic", "token"):
        title = "Onhook user name:" if kind == "basic" else "Onhook token:"
        user = _parameter("OnhookUser", title, auth.get("username"))
        basic = '  <Authentication Type="Basic">\n    <Value>[OnhookUser]:[OnhookSecret]</Value>\n  </Authentication>'
        return [user, secret], basic, None, ""
    without = '  <Authentication Type="No" />'
    if kind == "ip_allow":
        return [], without, None, ""
    if kind == "bearer":
        return [secret], without, ("Authorization", "Bearer [OnhookSecret]"), ""
    if kind == "header_token":
        return [secret], without, (escape(str(auth.get("header"))), "[OnhookSecret]"), ""
    if kind == "query_token":
        return [secret], without, None, f"?{quote(str(auth.get('name')), safe='')}=[OnhookSecret]"
    raise CannotReport(
        f"3CX cannot show what the authentication {kind} asks for: basic, bearer or query_token will do."
    )


def _parameter(name: str, title: str, default: object = None) -> str:
    return _PARAMETER.format(name, "String", "General Configuration", title, quoteattr(str(default or "")))


_TEMPLATE = """<?xml version="1.0" encoding="utf-8"?>
<Crm xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema" \
Country="US" Name={name} Version="1" SupportsEmojis="false" ListPageSize="0">
  <Number Prefix="AsIs" MaxLength="[MaxLength]" />
  <Connection MaxConcurrentRequests="2" />
  <Parameters>
{parameters}
    <Parameter Name="ReportCallEnabled" Type="Boolean" Editor="String" Title="Enable Call Journaling" Default="True" />
  </Parameters>
{authentication}
  <Scenarios>
    <Scenario Id="" Type="REST">
      <Request SkipIf="{never}" Url="{url}" MessagePasses="0" RequestEncoding="UrlEncoded" RequestType="Get" \
ResponseType="Json" />
      <Rules>
        <Rule Type="Any">none</Rule>
      </Rules>
      <Variables>
        <Variable Name="ContactID" Path="none">
          <Filter />
        </Variable>
      </Variables>
      <Outputs AllowEmpty="false">
        <Output Type="ContactID" Passes="0" Value="[ContactID]" />
      </Outputs>
    </Scenario>
    <Scenario Id="ReportCall" Type="REST">
      <Request SkipIf="[ReportCallEnabled]!=True" Url="{url}" MessagePasses="0" RequestContentType="application/json" \
RequestEncoding="Json" RequestType="Post" ResponseType="Json">
{headers}        <PostValues Key="">
{values}
        </PostValues>
      </Request>
      <Variables />
      <Outputs AllowEmpty="true" />
    </Scenario>
  </Scenarios>
</Crm>
"""
