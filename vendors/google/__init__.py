"""Google Gemini's image models over generateContent. Only this folder knows that wire."""
