"""The engines that profiles are read with."""

from dispatcher.adapters.answer_patterns import compile_extract
from dispatcher.adapters.patterns import compile_pattern
from dispatcher.domain.engines import Engines
from dispatcher.sources.normal.numbering import NUMBERS
from dispatcher.xml_reading.paths import XML

ENGINES = Engines(pattern=compile_pattern, extract=compile_extract, xml=XML, numbers=NUMBERS)
