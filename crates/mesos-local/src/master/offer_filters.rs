//! Whether the offer filters of a framework are well formed. Those for roles that it does not have
//! are none of the master's business.

use mesos::v1::FrameworkInfo;

/// What is wrong with them, as a real master puts it.
pub(super) fn check(info: &FrameworkInfo) -> Result<(), String> {
    let asked = info.offer_filters.values();
    let asked = asked.filter_map(|filters| filters.min_allocatable_resources.as_ref());
    for set in asked.flat_map(|least| &least.quantities) {
        if set.quantities.is_empty() {
            return Err("Resource quantities must contain at least one quantity".to_owned());
        }
        for (name, amount) in &set.quantities {
            check_amount(amount.value)
                .map_err(|fault| format!("Invalid resource quantity for '{name}': {fault}"))?;
        }
    }
    Ok(())
}

fn check_amount(value: f64) -> Result<(), &'static str> {
    if value.is_nan() {
        Err("NaN not supported")
    } else if value.is_infinite() {
        Err("Infinite values not supported")
    } else if value.is_sign_negative() && value != 0.0 {
        Err("Negative values not supported")
    } else {
        Ok(())
    }
}
