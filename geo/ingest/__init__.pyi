# Names of the imports, by the module that defines them.

from .findings import Finding as Finding
from .importing import import_file as import_file
from .importing import import_staff as import_staff
from .options import ImportOptions as ImportOptions
from .outcome import SAMPLE as SAMPLE
from .outcome import ImportOutcome as ImportOutcome
from .outcome import spreadsheet_safe as spreadsheet_safe
from .outcome import write_report as write_report
from .preview import FilePreview as FilePreview
