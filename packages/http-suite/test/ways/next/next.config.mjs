/** The log has threads, whose files a bundle would not contain. */
// oxlint-disable-next-line import/no-default-export -- Next reads it
export default { serverExternalPackages: ['@tailrace/hub', '@tailrace/http', '@tailrace/log'] }
