/** Where runners that cannot keep standard output to themselves leave their report, inside the sandbox. */
export const REPORT_FILE = '/tmp/sallyport-report';
