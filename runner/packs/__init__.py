"""Packs of frozen artifacts: made from what writers wrote here, and taken in elsewhere.

Face: `export_pack`, `import_pack`, and what both return, `Contents`.
"""

from runner.packs.contents import Contents
from runner.packs.exporting import export_pack
from runner.packs.importing import import_pack

__all__ = ["Contents", "export_pack", "import_pack"]
