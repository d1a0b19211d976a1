//! Taking results home: weights, tables, code.
