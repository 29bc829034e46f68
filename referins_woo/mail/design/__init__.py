"""What merchants' e-mails are made from: templates with their versions, the brand, pictures."""
