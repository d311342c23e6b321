'use strict';
const { exec } = require('child_process');
const fs = require('fs');
const path = require('path');
const mkdirp = require('mkdirp');

/** Invoices and reports of the shop, below one folder. */
function files(root) {
  mkdirp.sync(path.join(root, 'invoices'));
  mkdirp.sync(path.join(root, 'reports'));
  return {
    writeInvoice: (name, text) => fs.writeFileSync(path.join(root, 'invoices', path.basename(name)), text),

    // FLAW path-traversal: `..` in the name leaves the folder.
    readInvoice(name) {
      return fs.readFileSync(path.join(root, 'invoices', name), 'utf8');
    },

    // FLAW command-injection: the title becomes part of a shell command.
    countLines(title, done) {
      exec(`wc -l ${path.join(root, 'reports', title)}`, (error, stdout) => done(error, stdout));
    },
    writeReport: (name, text) => fs.writeFileSync(path.join(root, 'reports', path.basename(name)), text),
  };
}

module.exports = { files };
