// Apart from bin/schedcp because old Nodes do not parse import().
'use strict';

module.exports = function start(give, root) {
  import('../dist/main.js').then(function (module) { return module.main(); }).catch(function (error) {
    if (error && error.code === 'ERR_MODULE_NOT_FOUND') {
      give('SchedCP is not installed completely: ' + error.message, 'run npm ci in ' + root);
    }
    console.error(error);
    process.exit(3);
  });
};
