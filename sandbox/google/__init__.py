"""Google Gemini's wire for image models: generateContent and the model list."""
