//! What a case says of its loss, in library-neutral words: each loss takes what it knows by name, and
//! what is left over is an error, so that nothing is passed over.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};

use crate::loss::{InputActivation, LossConfig, OutputActivation};

/// How a loss is written elsewhere: in files of cases, where libraries' words are used, and in code that
/// is exported. One that has no words but its own is read from cases by those.
pub trait Elsewhere: Sized {
    /// Whether a case of this family, with these parameters, is this loss.
    fn claims(_given: &Given) -> bool {
        false
    }

    /// # Errors
    /// What in the parameters can't be understood.
    fn from_case(given: &mut Given) -> Result<Self, String> {
        Err(format!("`family` = `{}` is not known", given.family))
    }

    /// The loss as it is exported, unless `export` writes it itself.
    fn code(&self) -> Option<Code> {
        None
    }
}

/// The body of a function in Python's array operations.
#[derive(Debug, Clone, PartialEq)]
pub struct Code {
    /// What makes `p` of the network's output.
    pub input: InputActivation,
    /// Statements after `p`, the last a `return`. `y` is the one-hot truth, 0 at ignored pixels as `valid`
    /// is, and `xp` stands for PyTorch or Keras.
    pub lines: Vec<String>,
}

/// Family, activations and parameters of a case, or of one term of a sum.
pub struct Given<'a> {
    pub family: &'a str,
    /// What the network puts on its logits.
    pub head: OutputActivation,
    /// What the loss puts on the network's output.
    pub input: InputActivation,
    pub class_weights: Vec<f64>,
    pub pixel_weights: Option<Vec<f64>>,
    left: Map<String, Json>,
}

impl<'a> Given<'a> {
    /// # Errors
    /// When the activation is not known or a parameter that all families share is wrong.
    pub fn new(
        family: &'a str,
        activation: &str,
        params: &Map<String, Json>,
    ) -> Result<Self, String> {
        let (head, input) = activations(activation)?;
        let mut given = Self {
            family,
            head,
            input,
            class_weights: Vec::new(),
            pixel_weights: None,
            left: params.clone(),
        };
        // 255 is what `Target` ignores, and any label beyond the classes besides.
        if let Some(ignored) = given.take::<i64>("ignore_index")?
            && ignored != 255
        {
            return Err(format!("`params.ignore_index` = {ignored}: expected 255"));
        }
        for key in ["class_weights", "pos_weights", "class_weights_avg"] {
            if let Some(weights) = given.take::<Vec<f64>>(key)? {
                given.weigh_classes(weights)?;
            }
        }
        given.pixel_weights = given.take("weight_map")?;
        Ok(given)
    }

    /// The loss, with every parameter taken.
    ///
    /// # Errors
    /// What can't be understood, and what is left over.
    pub fn loss(&mut self) -> Result<LossConfig, String> {
        let loss = if self.family == "dicebench" {
            // Our own words, as [`super::Case::of_config`] writes them.
            self.take("loss")?
                .ok_or("`params.loss` is missing: expected the table of a loss")?
        } else {
            LossConfig::from_case(self)?
        };
        match self.left.keys().next() {
            None => Ok(loss),
            Some(key) => Err(format!(
                "`params.{key}` is not known for family {}",
                self.family
            )),
        }
    }

    /// The loss of one term of a sum. Terms have activations of their own: the network then ends in
    /// raw logits and each loss applies its activation.
    ///
    /// # Errors
    /// As [`Given::loss`]; when terms weigh classes differently.
    pub fn term(
        &mut self,
        family: &str,
        activation: &str,
        params: &Map<String, Json>,
    ) -> Result<LossConfig, String> {
        let mut term = Given::new(family, activation, params)?;
        term.input = match (term.head, term.input) {
            (OutputActivation::Softmax, InputActivation::None) => InputActivation::Softmax,
            (OutputActivation::Sigmoid, InputActivation::None) => InputActivation::Sigmoid,
            (OutputActivation::None, input) => input,
            _ => return Err(format!("`{activation}` in a sum is not supported")),
        };
        // The head is raw: a sigmoid focal term shows in its own activation.
        term.head = OutputActivation::None;
        let loss = term.loss()?;
        if !term.class_weights.is_empty() {
            self.weigh_classes(term.class_weights)?;
        }
        self.pixel_weights = term.pixel_weights.or(self.pixel_weights.take());
        Ok(loss)
    }

    fn weigh_classes(&mut self, weights: Vec<f64>) -> Result<(), String> {
        if !self.class_weights.is_empty() && self.class_weights != weights {
            return Err("terms with different class weights are not supported".to_owned());
        }
        self.class_weights = weights;
        Ok(())
    }

    /// The parameter `key`, which is then dealt with.
    ///
    /// # Errors
    /// When it is of another type.
    pub fn take<T: DeserializeOwned>(&mut self, key: &str) -> Result<Option<T>, String> {
        match self.left.remove(key) {
            None => Ok(None),
            Some(value) => serde_json::from_value(value.clone())
                .map(Some)
                .map_err(|e| format!("`params.{key}` = {value}: {e}")),
        }
    }

    /// Takes `key` into `field`, where it is given.
    ///
    /// # Errors
    /// As [`Given::take`].
    pub fn set<T: DeserializeOwned>(&mut self, key: &str, field: &mut T) -> Result<(), String> {
        if let Some(value) = self.take(key)? {
            *field = value;
        }
        Ok(())
    }

    /// Whether `key` is the word `value`.
    #[must_use]
    pub fn says(&self, key: &str, value: &str) -> bool {
        self.left.get(key).is_some_and(|found| found == value)
    }

    /// Takes `key`, of which only `value` is supported; left out, it means the same.
    ///
    /// # Errors
    /// When it is something else.
    pub fn only(&mut self, key: &str, value: &str) -> Result<(), String> {
        match self.take::<String>(key)? {
            Some(found) if found != value => {
                Err(format!("`params.{key}` = `{found}`: expected {value}"))
            }
            _ => Ok(()),
        }
    }
}

/// The network's activation and the loss's own.
fn activations(name: &str) -> Result<(OutputActivation, InputActivation), String> {
    use {InputActivation as In, OutputActivation as Out};
    Ok(match name {
        "softmax" | "softmax_stable" => (Out::Softmax, In::None),
        "sigmoid" => (Out::Sigmoid, In::None),
        "identity" => (Out::None, In::None),
        "double_sigmoid" => (Out::Sigmoid, In::Sigmoid),
        "double_softmax" => (Out::Softmax, In::Softmax),
        "softmax_of_sigmoid" => (Out::Sigmoid, In::Softmax),
        other => return Err(format!("`activation` = `{other}` is not known")),
    })
}
